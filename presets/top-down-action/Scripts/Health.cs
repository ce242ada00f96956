using System;
using UnityEngine;

namespace Spark.TopDownAction
{
    /// <summary>Takes damage, is safe for a moment after a hit, and dies once.</summary>
    public sealed class Health : MonoBehaviour
    {
        [SerializeField] private Team team = Team.Enemy;
        [SerializeField, Min(1)] private int maxPoints = 3;
        [SerializeField, Min(0f)] private float safeSeconds = 0.15f;

        private float safeUntil;

        public event Action<Health> Changed;
        public event Action<Health> Died;

        public Team Team => team;
        public int MaxPoints => maxPoints;
        public int Points { get; private set; }
        public bool IsAlive => Points > 0;

        /// <summary>Full again, as a pooled enemy is when it comes back.</summary>
        public void Restore()
        {
            Points = maxPoints;
            safeUntil = 0f;
            Changed?.Invoke(this);
        }

        /// <summary>True when the hit counted.</summary>
        public bool TakeDamage(int amount, Team from)
        {
            if (!IsAlive || from == team || amount <= 0 || Time.time < safeUntil) return false;
            Points = Mathf.Max(0, Points - amount);
            safeUntil = Time.time + safeSeconds;
            Changed?.Invoke(this);
            if (!IsAlive) Died?.Invoke(this);
            return true;
        }

        private void Awake()
        {
            Restore();
        }
    }
}
