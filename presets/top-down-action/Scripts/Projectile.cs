using System;
using UnityEngine;

namespace Spark.TopDownAction
{
    /// <summary>Flies straight until it hits something or its time is up, then goes back to its pool.</summary>
    [RequireComponent(typeof(Rigidbody2D), typeof(CircleCollider2D))]
    public sealed class Projectile : MonoBehaviour
    {
        [SerializeField, Min(0f)] private float speed = 11f;
        [SerializeField, Min(0f)] private float lifeSeconds = 1.4f;
        [SerializeField, Min(1)] private int damage = 1;

        private Rigidbody2D body;
        private Action<Projectile> release;
        private Team team;
        private float diesAt;
        private bool flying;

        public void Launch(Vector2 position, Vector2 direction, Team from, Action<Projectile> onDone)
        {
            team = from;
            release = onDone;
            diesAt = Time.time + lifeSeconds;
            flying = true;
            float degrees = Mathf.Atan2(direction.y, direction.x) * Mathf.Rad2Deg;
            transform.SetPositionAndRotation(position, Quaternion.Euler(0f, 0f, degrees));
            gameObject.SetActive(true);
            body.SetVelocity(direction * speed);
        }

        private void Awake()
        {
            body = GetComponent<Rigidbody2D>();
            body.gravityScale = 0f;
            body.freezeRotation = true;
            body.collisionDetectionMode = CollisionDetectionMode2D.Continuous;
            GetComponent<CircleCollider2D>().isTrigger = true;
        }

        private void Update()
        {
            if (Time.time >= diesAt) Finish();
        }

        private void OnTriggerEnter2D(Collider2D other)
        {
            if (!flying) return;
            if (other.TryGetComponent(out Health health))
            {
                if (health.Team == team) return;
                health.TakeDamage(damage, team);
                Finish();
            }
            else if (!other.isTrigger)
            {
                Finish();
            }
        }

        private void Finish()
        {
            if (!flying) return;
            flying = false;
            gameObject.SetActive(false);
            release?.Invoke(this);
        }
    }
}
