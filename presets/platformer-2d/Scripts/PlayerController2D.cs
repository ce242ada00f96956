using System;
using UnityEngine;

namespace Spark.Platformer2D
{
    /// <summary>
    /// Runs and jumps. Three kindnesses make it feel right: a jump still counts shortly after the edge was left (coyote time),
    /// a press shortly before landing is kept (jump buffer), and letting go early cuts the jump short (variable height).
    /// Input is read in Update and acted on in FixedUpdate, so that no press is lost between physics steps.
    /// </summary>
    [RequireComponent(typeof(Rigidbody2D), typeof(BoxCollider2D), typeof(SpriteRenderer))]
    public sealed class PlayerController2D : MonoBehaviour
    {
        [Header("Running")]
        [SerializeField, Min(0f)] private float maxSpeed = 7f;
        [SerializeField, Min(0f)] private float groundAcceleration = 70f;
        [SerializeField, Min(0f)] private float airAcceleration = 40f;

        [Header("Jumping")]
        [SerializeField, Min(0f)] private float jumpHeight = 3.2f;
        [SerializeField, Min(0f)] private float coyoteSeconds = 0.1f;
        [SerializeField, Min(0f)] private float bufferSeconds = 0.12f;
        [SerializeField, Range(0f, 1f)] private float cutFactor = 0.45f;
        [SerializeField, Min(1f)] private float fallGravityFactor = 1.6f;
        [SerializeField, Min(0f)] private float maxFallSpeed = 18f;

        [Header("Ground check")]
        [SerializeField] private LayerMask groundLayers = Physics2D.DefaultRaycastLayers;
        [SerializeField, Min(0.01f)] private float groundProbe = 0.06f;

        [Header("Looks")]
        [SerializeField] private SpriteAnimator animator;
        [SerializeField] private Sprite[] idleFrames;
        [SerializeField] private Sprite[] runFrames;
        [SerializeField] private Sprite[] jumpFrames;

        private readonly Collider2D[] groundHits = new Collider2D[8];
        private Rigidbody2D body;
        private BoxCollider2D box;
        private SpriteRenderer spriteRenderer;
        private ContactFilter2D groundFilter;
        private MovingPlatform ride;
        private OneWayPlatform oneWay;
        private float baseGravity;
        private float moveInput;
        private float coyoteLeft;
        private float bufferLeft;
        private bool jumpHeld;
        private bool jumping;
        private bool dropPressed;

        public event Action Jumped;
        public event Action Landed;

        public bool IsGrounded { get; private set; }

        /// <summary>False while a menu or a death has the player's hands.</summary>
        public bool HasControl { get; set; } = true;

        /// <summary>Puts the player somewhere, at rest.</summary>
        public void Teleport(Vector2 position)
        {
            body.position = position;
            transform.position = position;
            body.SetVelocity(Vector2.zero);
            coyoteLeft = 0f;
            bufferLeft = 0f;
            jumping = false;
        }

        /// <summary>Thrown upwards, as by a spring or a stomped foe.</summary>
        public void Bounce(float height)
        {
            SetVerticalSpeed(SpeedForHeight(height));
            jumping = false;
        }

        private void Awake()
        {
            body = GetComponent<Rigidbody2D>();
            box = GetComponent<BoxCollider2D>();
            spriteRenderer = GetComponent<SpriteRenderer>();
            body.freezeRotation = true;
            body.interpolation = RigidbodyInterpolation2D.Interpolate;
            body.collisionDetectionMode = CollisionDetectionMode2D.Continuous;
            baseGravity = body.gravityScale;
            groundFilter = new ContactFilter2D { useTriggers = false };
            groundFilter.SetLayerMask(groundLayers);
        }

        private void Update()
        {
            if (!HasControl)
            {
                moveInput = 0f;
                jumpHeld = false;
                return;
            }

            moveInput = Input.GetAxisRaw("Horizontal");
            jumpHeld = Input.GetButton("Jump");
            if (Input.GetButtonDown("Jump"))
            {
                if (Input.GetAxisRaw("Vertical") < -0.5f && oneWay != null) dropPressed = true;
                else bufferLeft = bufferSeconds;
            }

            ShowPose();
        }

        private void FixedUpdate()
        {
            CheckGround();
            coyoteLeft = IsGrounded ? coyoteSeconds : coyoteLeft - Time.fixedDeltaTime;
            bufferLeft -= Time.fixedDeltaTime;

            if (dropPressed)
            {
                dropPressed = false;
                if (oneWay != null) oneWay.DropThrough(box);
            }

            Run();
            if (bufferLeft > 0f && coyoteLeft > 0f) Jump();
            ShapeJump();
        }

        private void CheckGround()
        {
            Bounds bounds = box.bounds;
            var feet = new Vector2(bounds.center.x, bounds.min.y);
            var probe = new Vector2(bounds.size.x * 0.9f, groundProbe * 2f);
            int count = Physics2D.OverlapBox(feet, probe, 0f, groundFilter, groundHits);
            float rising = body.GetVelocity().y;
            bool grounded = false;
            ride = null;
            oneWay = null;
            for (int i = 0; i < count; i++)
            {
                Collider2D hit = groundHits[i];
                if (hit == box || Physics2D.GetIgnoreCollision(hit, box)) continue;
                hit.TryGetComponent(out OneWayPlatform through);
                // On the way up through a platform its surface is no ground yet.
                if (through != null && (rising > 0.1f || hit.bounds.max.y > feet.y + groundProbe)) continue;
                grounded = true;
                if (through != null) oneWay = through;
                if (hit.TryGetComponent(out MovingPlatform platform)) ride = platform;
            }

            if (jumping && rising > 0.1f) grounded = false;
            if (grounded && !IsGrounded)
            {
                jumping = false;
                Landed?.Invoke();
            }

            IsGrounded = grounded;
        }

        private void Run()
        {
            float carried = ride != null ? ride.Velocity.x : 0f;
            float acceleration = IsGrounded ? groundAcceleration : airAcceleration;
            Vector2 velocity = body.GetVelocity();
            float target = moveInput * maxSpeed + carried;
            velocity.x = Mathf.MoveTowards(velocity.x, target, acceleration * Time.fixedDeltaTime);
            body.SetVelocity(velocity);
        }

        private void Jump()
        {
            bufferLeft = 0f;
            coyoteLeft = 0f;
            jumping = true;
            IsGrounded = false;
            SetVerticalSpeed(SpeedForHeight(jumpHeight));
            Jumped?.Invoke();
        }

        private void ShapeJump()
        {
            Vector2 velocity = body.GetVelocity();
            if (jumping && !jumpHeld && velocity.y > 0f)
            {
                velocity.y *= cutFactor;
                jumping = false;
            }

            body.gravityScale = velocity.y < 0f && !IsGrounded ? baseGravity * fallGravityFactor : baseGravity;
            velocity.y = Mathf.Max(velocity.y, -maxFallSpeed);
            body.SetVelocity(velocity);
        }

        private float SpeedForHeight(float height)
        {
            float gravity = Mathf.Abs(Physics2D.gravity.y) * baseGravity;
            return Mathf.Sqrt(2f * gravity * height);
        }

        private void SetVerticalSpeed(float speed)
        {
            Vector2 velocity = body.GetVelocity();
            velocity.y = speed;
            body.SetVelocity(velocity);
        }

        private void ShowPose()
        {
            if (moveInput != 0f) spriteRenderer.flipX = moveInput < 0f;
            if (animator == null) return;
            if (!IsGrounded) animator.Play(jumpFrames, 1f);
            else if (Mathf.Abs(moveInput) > 0.01f) animator.Play(runFrames, 10f);
            else animator.Play(idleFrames, 2f);
        }

        private void OnDrawGizmosSelected()
        {
            if (!TryGetComponent(out BoxCollider2D shape)) return;
            Gizmos.color = IsGrounded ? Color.green : Color.yellow;
            var feet = new Vector3(shape.bounds.center.x, shape.bounds.min.y);
            Gizmos.DrawWireCube(feet, new Vector3(shape.bounds.size.x * 0.9f, groundProbe * 2f));
        }
    }
}
